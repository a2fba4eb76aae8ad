<?php

namespace App\Database;

use PDOException;

/** No connection was made; in words that Laravel does not take for a lost one. */
class NoConnection extends PDOException
{
    public function __construct(PDOException $e)
    {
        parent::__construct("no connection to be had ({$e->getCode()})", 0, $e);

        $this->errorInfo = $e->errorInfo ?? ['HY000', (int) $e->getCode(), ''];
    }
}
