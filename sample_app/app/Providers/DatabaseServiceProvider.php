<?php

namespace App\Providers;

use App\Database\ConnectOnce;
use Illuminate\Support\ServiceProvider;

class DatabaseServiceProvider extends ServiceProvider
{
    /** A visitor must not wait; a command may try again, and may ask for what takes long. */
    public function register(): void
    {
        if (! $this->app->runningInConsole()) {
            $this->app->bind('db.connector.mysql', ConnectOnce::class);
        }
    }
}
