<?php

use App\Http\Controllers\ReplyController;
use App\Http\Controllers\SummaryController;
use App\Http\Controllers\VisitController;
use App\Http\Controllers\VisitListController;
use Illuminate\Support\Facades\Route;

Route::get('/', VisitController::class)->name('home');
Route::get('/visits', VisitListController::class);
Route::get('/summary', SummaryController::class);
Route::post('/replies', ReplyController::class)->name('replies.ask');
