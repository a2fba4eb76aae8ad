<?php

use App\Http\Controllers\ReplyController;
use App\Http\Controllers\VisitController;
use Illuminate\Support\Facades\Route;

Route::get('/', VisitController::class)->name('home');
Route::post('/replies', ReplyController::class)->name('replies.ask');
