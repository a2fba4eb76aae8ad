<?php

namespace App\Database;

use Illuminate\Database\Connectors\MySqlConnector;
use PDOException;

/**
 * Tries to connect once, and waits for no answer longer than `read_timeout`.
 *
 * Laravel takes a failure to connect for a connection that was lost, and tries four times in all:
 * four times the timeout while a visitor waits and a worker is taken. A connection that was lost
 * after it stood is still made again.
 */
class ConnectOnce extends MySqlConnector
{
    public function createConnection($dsn, array $config, array $options)
    {
        ini_set('mysqlnd.net_read_timeout', (string) $config['read_timeout']);

        try {
            return $this->createPdoConnection(
                $dsn, $config['username'] ?? null, $config['password'] ?? null, $options
            );
        } catch (PDOException $e) {
            throw new NoConnection($e);
        }
    }
}
