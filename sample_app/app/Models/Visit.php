<?php

namespace App\Models;

use Illuminate\Database\Eloquent\Model;

/** One view of the front page, and who served it. */
class Visit extends Model
{
    public const UPDATED_AT = null;

    protected $fillable = ['instance', 'release', 'zone'];
}
