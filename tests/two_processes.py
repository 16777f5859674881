"""A few steps of a small run, in this process or in one of two: `two_processes.py PORT PROCESS`.

Batch norm and a loss that compares sets tell whether the whole batch is seen; rows come from grain,
and the state is split over all devices.
"""

import dataclasses
import json
import sys

from jaxgan.config import Config, DataConfig, LatentConfig, TermConfig

STEPS = 3


def config():
    from programs import player

    return Config(
        steps=STEPS,
        data=DataConfig(name="ring", batch_size=16, placement="grain"),
        latent=LatentConfig(dim=2),
        generator=player(0.05, widths=(16,), output="linear", norm="batch"),
        discriminator=player(0.05, widths=(16,), norm="batch"),
        loss=TermConfig(name="mmd_gaussian", on="features"),
        fsdp=32,
    )


def trained(config, mesh):
    """The metrics of each step, and the last state."""
    import jax
    import numpy as np

    from jaxgan.runs.build import build
    from jaxgan.runs.data_feed import feed
    from jaxgan.training import parallel

    program, key = build(config, mesh), jax.random.key(0)
    shapes = jax.eval_shape(program.init, key)
    sharding = parallel.state_sharding(shapes, mesh, fsdp=config.fsdp)
    state = jax.jit(program.init, out_shardings=sharding)(key)
    run_steps = parallel.compiled(
        parallel.make_run_steps(
            program.device_step, mode=program.mode, mesh=mesh, batch_sizes=None
        ),
        mode=program.mode,
        mesh=mesh,
        stacked=True,
        sharding=sharding,
    )
    with feed(config, program, np.asarray(jax.random.key_data(key)), 0, [STEPS], False) as batches:
        state, metrics = run_steps(state, next(batches), STEPS)
    return {name: np.asarray(values) for name, values in metrics.items()}, state


def main(port, index):
    from jaxgan.commands import processes

    processes.start(
        distributed=False,
        coordinator=f"127.0.0.1:{port}",
        num_processes=2,
        process_id=int(index),
    )
    import jax

    from jaxgan.training import parallel

    assert (jax.process_count(), len(jax.devices())) == (2, 4)
    metrics, _ = trained(config(), parallel.make_mesh())
    print(json.dumps({name: values.tolist() for name, values in metrics.items()}))


def unsplit():
    """The same run, of which every device holds the whole state, and the data."""
    whole = dataclasses.replace(config(), fsdp=None)
    return dataclasses.replace(whole, data=dataclasses.replace(whole.data, placement="host"))


if __name__ == "__main__":
    main(*sys.argv[1:])
