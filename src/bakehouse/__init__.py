"""Bake, launch, wire and refresh Laravel hosts on AWS."""
