<?php

declare(strict_types=1);

namespace Bakehouse\Scheduler;

use PDO;
use PDOException;
use RuntimeException;

/** The table of claimed minutes. All methods throw PDOException when the database is away. */
final class Claims
{
    private const NO_SUCH_TABLE = '42S02';

    private const TAKEN = '23000';

    private readonly string $token;

    private function __construct(
        private readonly PDO $database,
        private readonly string $table,
        private readonly string $site,
        private readonly int $keepMinutes,
    ) {
        // Tells our own claim, whose answer was lost on the way, from another process's.
        static $token = null;
        $this->token = $token ??= bin2hex(random_bytes(8));
    }

    /**
     * @param  array<string, string>  $environment
     * @param  array<string, mixed>  $settings
     */
    public static function connect(array $environment, array $settings): self
    {
        $driver = $environment['DB_CONNECTION'] ?? 'mysql';
        if (! in_array($driver, ['mysql', 'mariadb'], true)) {
            throw new RuntimeException("DB_CONNECTION is {$driver}; minutes can be claimed in mysql and mariadb only.");
        }
        $options = [PDO::ATTR_TIMEOUT => 5, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
        // With a certificate authority the driver speaks TLS and checks the host's name.
        if ($authority = $environment['MYSQL_ATTR_SSL_CA'] ?? '') {
            $options[PDO::MYSQL_ATTR_SSL_CA] = $authority;
        }
        $place = sprintf(
            'mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4',
            $environment['DB_HOST'] ?? '127.0.0.1',
            $environment['DB_PORT'] ?? '3306',
            $environment['DB_DATABASE'] ?? 'app'
        );
        $database = new PDO($place, $environment['DB_USERNAME'] ?? 'app', $environment['DB_PASSWORD'] ?? '', $options);

        return new self($database, $settings['table'], $settings['site'], $settings['keep_minutes']);
    }

    /** The one clock that all hosts see. */
    public function now(): int
    {
        return (int) $this->database->query('SELECT UNIX_TIMESTAMP()')->fetchColumn();
    }

    /** Claim a minute for this host, once; returns the host that has it. */
    public function claim(int $minute, string $host): string
    {
        $at = gmdate('Y-m-d H:i:s', $minute);
        try {
            $this->insert($at, $host);
        } catch (PDOException $e) {
            if ($e->getCode() === self::NO_SUCH_TABLE) {
                $this->createTable();

                return $this->claim($minute, $host);
            }
            $e->getCode() === self::TAKEN || throw $e;
        }
        $owner = $this->owner($at);
        if ($owner['token'] !== $this->token) {
            return $owner['host'] === $host ? "{$host} (another process)" : $owner['host'];
        }
        $this->forgetBefore($minute - $this->keepMinutes * 60);

        return $host;
    }

    private function insert(string $at, string $host): void
    {
        $this->run(
            "INSERT INTO {$this->table} (site, minute, host, token) VALUES (?, ?, ?, ?)",
            [$this->site, $at, $host, $this->token]
        );
    }

    /** @return array{host: string, token: string} */
    private function owner(string $at): array
    {
        return $this->run(
            "SELECT host, token FROM {$this->table} WHERE site = ? AND minute = ?",
            [$this->site, $at]
        )->fetch(PDO::FETCH_ASSOC);
    }

    private function createTable(): void
    {
        $this->database->exec(
            "CREATE TABLE IF NOT EXISTS {$this->table} (
                site VARCHAR(64) NOT NULL,
                minute DATETIME NOT NULL COMMENT 'UTC',
                host VARCHAR(255) NOT NULL,
                token CHAR(16) NOT NULL,
                PRIMARY KEY (site, minute)
            ) COMMENT 'Minutes of the schedule, and the host that ran each'"
        );
    }

    /** What was claimed stays claimed, also when this fails. */
    private function forgetBefore(int $minute): void
    {
        try {
            $this->run(
                "DELETE FROM {$this->table} WHERE site = ? AND minute < ? LIMIT 1000",
                [$this->site, gmdate('Y-m-d H:i:s', $minute)]
            );
        } catch (PDOException $e) {
            fwrite(STDERR, "Old minutes were not forgotten: {$e->getMessage()}\n");
        }
    }

    private function run(string $query, array $values): \PDOStatement
    {
        $statement = $this->database->prepare($query);
        $statement->execute($values);

        return $statement;
    }
}
