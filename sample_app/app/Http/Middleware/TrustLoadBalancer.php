<?php

namespace App\Http\Middleware;

use Illuminate\Http\Middleware\TrustProxies;
use Illuminate\Http\Request;

/**
 * Takes scheme and port from the load balancer, so that links say https where the visitor does.
 *
 * The visitor's address is not taken from here: nginx has already put it into REMOTE_ADDR, and
 * a second reading of X-Forwarded-For would believe what the visitor wrote into it.
 */
class TrustLoadBalancer extends TrustProxies
{
    /** Only the load balancer's security group can reach the host's port. */
    protected $proxies = '*';

    protected $headers = Request::HEADER_X_FORWARDED_PROTO | Request::HEADER_X_FORWARDED_PORT;
}
