@extends('layout')

@section('title', 'Not found')

@section('content')
    <h1>There is nothing here</h1>
    <p><a href="/">To the front page</a></p>
@endsection
