<?php

// The page of both sites of this scenario: does what it is asked for.
function wait(float $seconds): string
{
    // A loop, because a signal cuts a single usleep() short.
    for ($until = microtime(true) + $seconds; microtime(true) < $until;) {
        usleep(5000);
    }

    return 'waited';
}

foreach (glob(__DIR__ . '/../app/*.php') as $file) {
    class_exists('C' . basename($file, '.php'), false) || require_once $file;
}

echo match ($_GET['do'] ?? '') {
    'wait' => wait((float) $_GET['seconds']),
    'read' => json_encode(@file_get_contents($_GET['path'])),
    'resolve' => gethostbyname($_GET['name']),
    'environment' => json_encode(getenv() + $_ENV + $_SERVER),
    'value' => C1::R,
    'opcache' => json_encode(opcache_get_status()),
    default => basename(dirname(__DIR__)),
};
