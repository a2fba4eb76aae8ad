<?php

namespace App\Http\Controllers;

use App\Jobs\WriteReply;
use Illuminate\Http\RedirectResponse;

class ReplyController
{
    public function __invoke(): RedirectResponse
    {
        WriteReply::dispatch(config('deployment.instance'));

        return redirect()->route('home')->with('status', 'Queued: the next free worker writes the row.');
    }
}
