<?php

namespace App\Console\Commands;

use App\Models\Visit;
use Illuminate\Console\Command;
use Illuminate\Support\Facades\Cache;

class PruneVisits extends Command
{
    protected $signature = 'visits:prune {--keep=1000 : How many of the newest rows stay}';

    protected $description = 'Remove all but the newest visits';

    public function handle(): int
    {
        $oldest = Visit::query()->latest('id')->skip((int) $this->option('keep'))->value('id');
        $removed = $oldest === null ? 0 : Visit::query()->where('id', '<=', $oldest)->delete();

        Cache::forever('pruned_at', now()->toIso8601String());
        $this->info("Removed {$removed} visits.");

        return 0;
    }
}
