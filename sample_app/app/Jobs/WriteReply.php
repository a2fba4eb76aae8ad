<?php

namespace App\Jobs;

use App\Models\Reply;
use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;

/** Proves the way through the queue: asked on one instance, written by whichever works. */
class WriteReply implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue, Queueable;

    public $tries = 3;

    public $askedBy;

    /** How long it works first. */
    public $seconds;

    public function __construct(string $askedBy, int $seconds = 0)
    {
        $this->askedBy = $askedBy;
        $this->seconds = $seconds;
    }

    public function handle(): void
    {
        $end = microtime(true) + $this->seconds;
        while (($left = $end - microtime(true)) > 0) {
            usleep((int) ceil($left * 1e6)); // a signal to the worker ends a sleep early
        }
        Reply::create([
            'asked_by' => $this->askedBy,
            'written_by' => config('deployment.instance'),
        ]);
    }
}
