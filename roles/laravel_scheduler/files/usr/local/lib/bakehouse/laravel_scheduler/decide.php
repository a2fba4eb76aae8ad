<?php

declare(strict_types=1);

namespace Bakehouse\Scheduler;

// Exit statuses.
const DATABASE_AWAY = 75;
const TOO_LATE = 76;
const CLOCK_WRONG = 77;
const NOT_CONFIGURED = 78;

/** What to do now: claim the minute, wait so many seconds and look again, or give up and say why. */
final class Step
{
    public function __construct(
        public readonly bool $claim = false,
        public readonly int $minute = 0,
        public readonly int $wait = 0,
        public readonly int $status = 0,
        public readonly string $fault = '',
    ) {
    }
}

/** Tasks must begin while their own minute lasts: Laravel looks at the clock again. */
const LAST_SECOND = 50;

/**
 * Decide from both clocks, in seconds of the same moment.
 *
 * A minute is claimed while both clocks show it, so that the one that is claimed is the one that
 * Laravel sees, on every host: two hosts whose clocks differ can neither run a minute twice nor
 * leave one out. `$minute` is the one that the host's clock showed when the timer started us.
 */
function decide(int $host, int $database, int $skew, int $minute): Step
{
    $ahead = $host - $database;
    if (abs($ahead) > $skew) {
        return new Step(status: CLOCK_WRONG, fault: sprintf(
            "This host's clock is %d s %s the database's; more than %d s, so it runs nothing. Next: chronyc tracking",
            abs($ahead),
            $ahead > 0 ? 'ahead of' : 'behind',
            $skew
        ));
    }
    if (! timeIsLeft($host, $minute)) {
        return new Step(status: TOO_LATE, fault: sprintf(
            'Too late for %s; it is missed, unless another host has it.',
            gmdate('H:i', $minute * 60)
        ));
    }
    $until = $minute * 60 - $database;

    return $until > 0 ? new Step(wait: $until) : new Step(claim: true, minute: $minute);
}

/** Whether tasks of this minute can still begin in it. */
function timeIsLeft(int $host, int $minute): bool
{
    return $host < $minute * 60 + LAST_SECOND;
}
