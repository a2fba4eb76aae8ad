@extends('layout')

@section('title', 'Error')

@section('content')
    <h1>Something went wrong on our side</h1>
    <p>It has been written down.</p>
@endsection
