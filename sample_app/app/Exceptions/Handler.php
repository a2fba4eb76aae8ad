<?php

namespace App\Exceptions;

use App\Readiness\Trouble;
use Illuminate\Foundation\Exceptions\Handler as ExceptionHandler;
use Symfony\Component\HttpKernel\Exception\HttpException;
use Throwable;

class Handler extends ExceptionHandler
{
    /** A visitor who meets a host without its stores is told to come again, not that we are broken. */
    protected function prepareException(Throwable $e)
    {
        if (Trouble::ofAStore($e)) {
            $e = new HttpException(503, 'The database or the cache does not answer.', $e, ['Retry-After' => '10']);
        }

        return parent::prepareException($e);
    }
}
