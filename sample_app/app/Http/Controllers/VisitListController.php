<?php

namespace App\Http\Controllers;

use App\Models\Visit;
use Illuminate\Contracts\View\View;

/** A page as most pages are: a session, some rows, a template. It writes nothing. */
class VisitListController
{
    public function __invoke(): View
    {
        return view('visit-list', ['visits' => Visit::query()->latest('id')->limit(20)->get()]);
    }
}
