<table>
    <thead>
    <tr>
        <th scope="col">Row</th>
        <th scope="col">Instance</th>
        <th scope="col">Zone</th>
        <th scope="col">Release</th>
        <th scope="col">At (UTC)</th>
    </tr>
    </thead>
    <tbody>
    @foreach ($visits as $row)
        <tr>
            <td>{{ $row->id }}</td>
            <td>{{ $row->instance }}</td>
            <td>{{ $row->zone }}</td>
            <td>{{ $row->release }}</td>
            <td><time datetime="{{ $row->created_at->toIso8601String() }}">{{ $row->created_at->format('H:i:s') }}</time></td>
        </tr>
    @endforeach
    </tbody>
</table>
