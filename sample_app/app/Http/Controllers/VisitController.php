<?php

namespace App\Http\Controllers;

use App\Models\Reply;
use App\Models\Visit;
use Illuminate\Contracts\View\View;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\Redis;

class VisitController
{
    public function __invoke(Request $request): View
    {
        $deployment = config('deployment');
        $visit = Visit::create([
            'instance' => $deployment['instance'],
            'release' => $deployment['release'],
            'zone' => $deployment['zone'],
        ]);
        $request->session()->increment('visits');

        return view('visits', [
            'deployment' => $deployment,
            'visit' => $visit,
            'recent' => Visit::query()->latest('id')->limit(5)->get(),
            'counter' => Redis::connection()->incr('visits'),
            'mine' => $request->session()->get('visits'),
            'replies' => Reply::query()->count(),
            'pruned' => Cache::get('pruned_at'),
            'status' => $request->session()->get('status'),
        ]);
    }
}
