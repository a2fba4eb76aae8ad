<?php

// Where this process runs. The host writes it into the environment at boot.
return [
    'instance' => env('INSTANCE_ID', 'unknown'),
    'image' => env('AMI_ID', 'unknown'),
    'zone' => env('AVAILABILITY_ZONE', 'unknown'),
    'release' => env('APP_RELEASE', 'unknown'),
];
