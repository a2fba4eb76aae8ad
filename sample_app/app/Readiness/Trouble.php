<?php

namespace App\Readiness;

use ErrorException;
use Illuminate\Database\QueryException;
use RedisException;
use Throwable;

/** Which exceptions say that a store does not answer as it should. */
class Trouble
{
    public static function ofAStore(Throwable $e): bool
    {
        return $e instanceof QueryException || self::ofRedis($e);
    }

    /** Redis's client throws; but for a name or a handshake that failed it only warns, and Laravel throws that. */
    public static function ofRedis(Throwable $e): bool
    {
        $warned = $e instanceof ErrorException && str_starts_with($e->getMessage(), 'Redis::');

        return $warned || $e instanceof RedisException;
    }
}
