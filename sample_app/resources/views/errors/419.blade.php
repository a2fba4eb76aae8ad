@extends('layout')

@section('title', 'Page expired')

@section('content')
    <h1>This page was open for too long</h1>
    <p><a href="/">Load it again</a> and repeat what you did.</p>
@endsection
