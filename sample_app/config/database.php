<?php

// Seconds. A store that is away must cost a visitor less than 5, or its workers are soon all waiting.
// The worst is one that takes connections and says nothing. A database is asked over a kept connection,
// then over a new one (2 x read). A cache that falls silent in the middle of a page is asked, then a kept
// connection is tried, then a new one (2 x read + connect; 5.7 s were seen with 2 s). Without a read timeout
// PHP waits for a day. A query may not take longer than that either; an application whose queries do
// sets more, and knows what a fail-over then costs.
$connect = (int) env('STORE_CONNECT_TIMEOUT', 1);
$read = (int) env('STORE_READ_TIMEOUT', 2);
$cacheRead = (float) env('CACHE_READ_TIMEOUT', 1);

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
            'read_timeout' => $read, // App\Database\ConnectOnce
            // With a certificate authority the driver speaks TLS and checks the host's name;
            // without one it silently speaks plain text.
            'options' => extension_loaded('pdo_mysql') ? array_filter([
                PDO::ATTR_TIMEOUT => $connect,
                // Over TLS a new connection costs more than the page's queries.
                PDO::ATTR_PERSISTENT => env('DB_PERSISTENT', false),
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
            'timeout' => $connect,
            'read_timeout' => $cacheRead,
            'persistent' => env('REDIS_PERSISTENT', false),
            'persistent_id' => 'default', // else one that another part of the page uses comes along
        ],
    ],
];
