<?php

declare(strict_types=1);

namespace Bakehouse\Scheduler;

use RuntimeException;

/** Within double quotes, as runtime-env writes them and Laravel's Dotenv reads them. */
const ESCAPES = ['\\\\' => '\\', '\\"' => '"', '\\$' => '$', '\\n' => "\n", '\\r' => "\r", '\\t' => "\t"];

/** @return array<string, string> the variables in the application's environment file */
function environment(string $path): array
{
    preg_match_all('/^(\w+)="((?:[^"\\\\]|\\\\.)*)"$/m', contents($path), $found);

    return array_combine($found[1], array_map(fn (string $value): string => strtr($value, ESCAPES), $found[2]));
}

/** @return array<string, mixed> */
function settings(string $path): array
{
    $said = json_decode(contents($path), true);
    if (! is_array($said)) {
        throw new RuntimeException("{$path} is no JSON object. Run the role laravel_scheduler again.");
    }

    return $said;
}

function contents(string $path): string
{
    $text = is_file($path) ? @file_get_contents($path) : false;
    if ($text === false) {
        throw new RuntimeException("{$path} cannot be read.");
    }

    return $text;
}
