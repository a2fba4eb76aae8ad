<?php

namespace App\Models;

use Illuminate\Database\Eloquent\Model;

/** What a queue worker wrote. */
class Reply extends Model
{
    public const UPDATED_AT = null;

    protected $fillable = ['asked_by', 'written_by'];
}
