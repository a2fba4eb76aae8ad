<?php

/*
 * The framework is Debian's php-laravel-framework, so there is nothing here for Composer to
 * install: one line loads the framework, the rest finds our own classes (PSR-4, App\ in app/).
 */

if (stream_resolve_include_path('Illuminate/autoload.php') === false) {
    fwrite(
        defined('STDERR') ? STDERR : fopen('php://stderr', 'w'),
        'Laravel is not on this host (no Illuminate/autoload.php in '.get_include_path().'). '
        ."Try: apt install php-laravel-framework\n"
    );
    http_response_code(500);
    exit(1);
}

require_once 'Illuminate/autoload.php';

spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'App\\', 4) !== 0) {
        return;
    }

    $file = __DIR__.'/../app/'.strtr(substr($class, 4), '\\', '/').'.php';

    if (is_file($file)) {
        require $file;
    }
});
