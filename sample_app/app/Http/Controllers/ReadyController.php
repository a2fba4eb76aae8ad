<?php

namespace App\Http\Controllers;

use App\Readiness\Readiness;
use Illuminate\Http\JsonResponse;

/** Could this host serve the front page now? For people and deployments, not for the balancer. */
class ReadyController
{
    public function __invoke(Readiness $readiness): JsonResponse
    {
        $faults = $readiness->faults();

        return response()
            ->json(['ready' => $faults === [], 'faults' => (object) $faults], $faults === [] ? 200 : 503)
            ->header('Cache-Control', 'no-store');
    }
}
