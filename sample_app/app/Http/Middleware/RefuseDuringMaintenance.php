<?php

namespace App\Http\Middleware;

use Illuminate\Foundation\Http\Middleware\PreventRequestsDuringMaintenance;

/** `artisan down` closes the shop, not the house: a failing probe would end the instance. */
class RefuseDuringMaintenance extends PreventRequestsDuringMaintenance
{
    protected $except = ['health', 'ready'];
}
