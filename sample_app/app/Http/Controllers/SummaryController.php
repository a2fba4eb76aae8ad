<?php

namespace App\Http\Controllers;

use App\Models\Visit;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Cache;

/** What is too dear to count for each visitor: from the cache, the database is asked once a minute. */
class SummaryController
{
    public function __invoke(Request $request): JsonResponse
    {
        return response()->json([
            'visits' => Cache::remember('summary.visits', 60, fn () => Visit::query()->count()),
            'mine' => $request->session()->get('visits', 0),
        ]);
    }
}
