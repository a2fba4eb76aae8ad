@extends('layout')

@section('title', 'Served by '.$deployment['instance'])

@section('content')
    <h1>Fresh from <code>{{ $deployment['instance'] }}</code></h1>

    @if ($status)
        <p role="status">{{ $status }}</p>
    @endif

    <section aria-labelledby="here">
        <h2 id="here">This host</h2>
        <dl>
            <dt>Instance</dt>
            <dd id="instance">{{ $deployment['instance'] }}</dd>
            <dt>Image</dt>
            <dd id="image">{{ $deployment['image'] }}</dd>
            <dt>Availability zone</dt>
            <dd id="zone">{{ $deployment['zone'] }}</dd>
            <dt>Release</dt>
            <dd id="release">{{ $deployment['release'] }}</dd>
        </dl>
    </section>

    <section aria-labelledby="stores">
        <h2 id="stores">What it wrote</h2>
        <dl>
            <dt>Row in the database</dt>
            <dd id="row">{{ $visit->id }}</dd>
            <dt>Counter in Redis</dt>
            <dd id="counter">{{ $counter }}</dd>
            <dt>Your visits in this session</dt>
            <dd id="mine">{{ $mine }}</dd>
            <dt>Rows written by queue workers</dt>
            <dd id="replies">{{ $replies }}</dd>
            <dt>Last scheduled clean-up</dt>
            <dd id="pruned">{{ $pruned ?? 'not yet' }}</dd>
        </dl>
        <form method="post" action="{{ route('replies.ask', [], false) }}">
            @csrf
            <button>Ask a queue worker for a row</button>
        </form>
    </section>

    <section aria-labelledby="recent">
        <h2 id="recent">The last visits, whoever served them</h2>
        @include('visit-table', ['visits' => $recent])
        <p><a href="/visits">Twenty of them</a></p>
    </section>
@endsection
