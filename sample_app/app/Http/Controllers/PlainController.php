<?php

namespace App\Http\Controllers;

use Illuminate\Http\JsonResponse;

/** The least that Laravel can do: what a benchmark compares other pages with. */
class PlainController
{
    public function __invoke(): JsonResponse
    {
        return response()->json([
            'framework' => app()->version(),
            'php' => PHP_VERSION,
            'deployment' => config('deployment'),
        ]);
    }
}
