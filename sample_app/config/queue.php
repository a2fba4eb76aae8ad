<?php

return [
    'default' => env('QUEUE_CONNECTION', 'redis'),

    'connections' => [
        'sync' => ['driver' => 'sync'],
        'redis' => [
            'driver' => 'redis',
            'connection' => 'default',
            'queue' => env('REDIS_QUEUE', 'default'),
            'retry_after' => 90, // above the worker's own --timeout (60), or a job runs twice
            'block_for' => null,
        ],
    ],

    'failed' => ['driver' => 'null'],
];
