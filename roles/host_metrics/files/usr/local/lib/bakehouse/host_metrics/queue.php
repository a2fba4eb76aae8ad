<?php

// How many jobs wait in the application's queues, as JSON. Asked over PHP-FPM's status socket, so
// with the application's own configuration: any driver, its prefix, its TLS, its secrets, none of
// which whoever asks has to know. What fails is named and not logged: it is asked each minute.

header('Content-Type: application/json');
try {
    $release = realpath($_SERVER['RELEASE']);
    if ($release === false) {
        throw new RuntimeException('no release');
    }
    require $release . '/vendor/autoload.php';
    $application = require $release . '/bootstrap/app.php';
    $application->make(Illuminate\Contracts\Console\Kernel::class)->bootstrap();
    $queue = $application->make('queue')->connection();
    $jobs = [];
    foreach (explode(',', $_SERVER['QUEUES']) as $name) {
        $jobs[$name] = $queue->size($name);
    }
    echo json_encode(['jobs' => $jobs]);
} catch (Throwable $error) {
    echo json_encode(['error' => $error::class]);
}
