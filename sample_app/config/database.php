<?php

// Seconds to wait for a connection. A page waits for two stores at most, and the load balancer
// asks again after a few seconds: a store that is away must cost less than that.
$timeout = (int) env('STORE_CONNECT_TIMEOUT', 2);

return [
    'default' => env('DB_CONNECTION', 'mysql'),

    'connections' => [
        'mysql' => [
            'driver' => 'mysql',
            'host' => env('DB_HOST', '127.0.0.1'),
            'port' => env('DB_PORT', '3306'),
            'database' => env('DB_DATABASE', 'app'),
            'username' => env('DB_USERNAME', 'app'),
            'password' => env('DB_PASSWORD', ''),
            'charset' => 'utf8mb4',
            'collation' => 'utf8mb4_unicode_ci',
            'prefix' => '',
            'strict' => true,
            // With a certificate authority the driver speaks TLS and checks the host's name;
            // without one it silently speaks plain text.
            'options' => extension_loaded('pdo_mysql') ? array_filter([
                PDO::ATTR_TIMEOUT => $timeout,
                PDO::MYSQL_ATTR_SSL_CA => env('MYSQL_ATTR_SSL_CA'),
            ]) : [],
        ],
    ],

    'migrations' => 'migrations',

    'redis' => [
        'client' => 'phpredis',
        'options' => ['prefix' => env('REDIS_PREFIX', 'sample:')],
        'default' => [
            'scheme' => env('REDIS_SCHEME', 'tcp'), // tls: certificate and name are checked
            'host' => env('REDIS_HOST', '127.0.0.1'),
            'port' => env('REDIS_PORT', '6379'),
            'password' => env('REDIS_PASSWORD'),
            'database' => env('REDIS_DB', '0'),
            'timeout' => $timeout,
            'read_timeout' => $timeout,
        ],
    ],
];
