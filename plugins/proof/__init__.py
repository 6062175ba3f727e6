"""Proof in production: experiments, rollouts of one task class at a time, and a watch on the models themselves."""
