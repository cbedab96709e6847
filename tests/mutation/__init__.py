"""Tests of the tests: does some unit test fail when a line of the pure core is wrong?"""
