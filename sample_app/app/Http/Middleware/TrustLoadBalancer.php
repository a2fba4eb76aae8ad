<?php

namespace App\Http\Middleware;

use Illuminate\Http\Middleware\TrustProxies;
use Illuminate\Http\Request;

/**
 * Takes the visitor's address, scheme and port from the load balancer, so that links say https where
 * the visitor does.
 *
 * nginx passes on no more of X-Forwarded-For than the one address that it believes, and the others
 * only when the load balancer says so.
 */
class TrustLoadBalancer extends TrustProxies
{
    /** Only the load balancer's security group can reach the host's port. */
    protected $proxies = '*';

    protected $headers = Request::HEADER_X_FORWARDED_AWS_ELB;
}
