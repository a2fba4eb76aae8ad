<?php

namespace App\Console\Commands;

use App\Jobs\WriteReply;
use Illuminate\Console\Command;

class AskWorker extends Command
{
    protected $signature = 'reply:ask';

    protected $description = 'Put a job on the queue that writes a row into the table replies';

    public function handle(): int
    {
        WriteReply::dispatch(config('deployment.instance'));
        $this->info('Queued. A worker writes the row: artisan queue:work --stop-when-empty');

        return 0;
    }
}
