<?php

namespace App\Readiness;

use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Redis;
use Illuminate\Support\Facades\Schema;
use PDOException;
use Throwable;

/**
 * Asks the stores and says in our own words what is wrong.
 *
 * The drivers' own messages name users and addresses; they go to the log, never to the visitor.
 */
class Readiness
{
    private const DATABASE = [
        1044 => 'the user may not use the database',
        1045 => 'the user name or the password is refused',
        1049 => 'there is no database of that name',
        1040 => 'it has no connection left',
        2002 => 'it cannot be reached, or its certificate is not trusted',
        2006 => 'it went away, or its certificate is not trusted',
    ];

    /** @return array<string, string> what is wrong by store; empty when all is well */
    public function faults(): array
    {
        return array_filter([
            'database' => $this->fault(fn () => $this->askDatabase()),
            'redis' => $this->fault(fn () => $this->askRedis()),
        ]);
    }

    private function askDatabase(): ?string
    {
        return Schema::hasTable('visits') ? null : 'it has no tables yet; try: artisan migrate --force';
    }

    private function askRedis(): ?string
    {
        Redis::connection()->ping();

        return null;
    }

    private function fault(callable $ask): ?string
    {
        try {
            return $ask();
        } catch (Throwable $e) {
            report($e);

            return $this->inOurWords($e);
        }
    }

    private function inOurWords(Throwable $e): string
    {
        if ($e instanceof PDOException) {
            $code = (int) (($e->getPrevious() ?? $e)->errorInfo[1] ?? $e->getCode());

            return self::DATABASE[$code] ?? "the driver failed with code {$code}";
        }

        if (Trouble::ofRedis($e)) {
            return preg_match('/NOAUTH|WRONGPASS|invalid.+password/i', $e->getMessage())
                ? 'the password is refused'
                : 'it cannot be reached, or its certificate is not trusted';
        }

        return 'failed with '.class_basename($e);
    }
}
