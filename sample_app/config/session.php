<?php

return [
    'driver' => env('SESSION_DRIVER', 'redis'),
    'connection' => 'default',
    'store' => null,
    'table' => 'sessions',
    'lifetime' => (int) env('SESSION_LIFETIME', 120),
    'expire_on_close' => false,
    'encrypt' => false,
    'files' => storage_path('framework/sessions'),
    'lottery' => [0, 100], // Redis forgets by itself
    'cookie' => env('SESSION_COOKIE', 'sample_session'),
    'path' => '/',
    'domain' => env('SESSION_DOMAIN'),
    'secure' => env('SESSION_SECURE_COOKIE'), // true where visitors come by https
    'http_only' => true,
    'same_site' => 'lax',
];
