<?php

// Run by runtime-env through PHP-FPM's socket: let OPcache forget the configuration that Laravel
// compiled, so that the next request reads the new one. nginx runs no file but the application's.
$forgotten = true;

if (function_exists('opcache_invalidate') && filter_var(ini_get('opcache.enable'), FILTER_VALIDATE_BOOL)) {
    foreach (glob($_SERVER['FORGET'] ?? '') as $file) {
        $forgotten = @opcache_invalidate($file, true) && $forgotten;
    }
}

header('Content-Type: application/json');
echo json_encode(['forgotten' => $forgotten]);
