@extends('layout')

@section('title', 'Back soon')

@section('content')
    <h1>Back soon</h1>
    <p>We cannot serve this page at the moment. Please try again in a few seconds.</p>
@endsection
