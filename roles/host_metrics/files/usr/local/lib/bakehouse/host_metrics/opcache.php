<?php

// What OPcache holds, as JSON. Asked over PHP-FPM's status socket, which shares the pool's OPcache
// and which no web server connects to.

header('Content-Type: application/json');
echo json_encode(function_exists('opcache_get_status') ? opcache_get_status(false) : false);
