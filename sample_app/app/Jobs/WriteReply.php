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

    public function __construct(string $askedBy)
    {
        $this->askedBy = $askedBy;
    }

    public function handle(): void
    {
        Reply::create([
            'asked_by' => $this->askedBy,
            'written_by' => config('deployment.instance'),
        ]);
    }
}
