<?php

namespace App\Console\Commands;

use App\Jobs\WriteReply;
use Illuminate\Console\Command;

class AskWorker extends Command
{
    protected $signature = 'reply:ask
        {--seconds=0 : How long the job works before it writes}
        {--by= : Whom the row names as the one who asked; this instance otherwise}';

    protected $description = 'Put a job on the queue that writes a row into the table replies';

    public function handle(): int
    {
        WriteReply::dispatch(
            $this->option('by') ?: config('deployment.instance'),
            (int) $this->option('seconds')
        );
        $this->info('Queued. A worker writes the row: artisan queue:work --stop-when-empty');

        return 0;
    }
}
