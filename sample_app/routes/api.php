<?php

use App\Http\Controllers\PlainController;
use Illuminate\Support\Facades\Route;

Route::get('/plain', PlainController::class);
