<?php

namespace App\Console;

use App\Console\Commands\PruneVisits;
use Illuminate\Console\Scheduling\Schedule;
use Illuminate\Foundation\Console\Kernel as ConsoleKernel;

class Kernel extends ConsoleKernel
{
    /** Every host runs the scheduler; the lock in Redis lets one of them do the work. */
    protected function schedule(Schedule $schedule)
    {
        $schedule->command(PruneVisits::class)->everyMinute()->onOneServer();
    }

    protected function commands()
    {
        $this->load(__DIR__.'/Commands');
    }
}
