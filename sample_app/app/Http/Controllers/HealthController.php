<?php

namespace App\Http\Controllers;

use Illuminate\Http\JsonResponse;

/**
 * Is this process able to answer? Asks nobody else.
 *
 * The load balancer replaces an instance by this answer, and a database that is down is not
 * mended by new web hosts.
 */
class HealthController
{
    public function __invoke(): JsonResponse
    {
        return response()
            ->json(['healthy' => true, 'release' => config('deployment.release')])
            ->header('Cache-Control', 'no-store');
    }
}
