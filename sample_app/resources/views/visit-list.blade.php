@extends('layout')

@section('title', 'Visits')

@section('content')
    <h1>The last visits</h1>
    @include('visit-table')
    <p><a href="/">Another visit</a></p>
@endsection
