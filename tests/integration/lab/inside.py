"""The inner side of the fixture `inside`: one function of a test module, in a lab."""

import asyncio
import importlib.util
import json
import sys
import warnings

from cimd_testbed.net.lab import LabNetwork, enter_lab


async def run(function, arguments):
    from cimd_certs import Authority

    authority = Authority()
    network = LabNetwork(authority.ca_pem)
    network.authority = authority
    await network.start()
    try:
        return await function(network, *arguments)
    finally:
        await network.close()


def main(file, name, arguments):
    enter_lab()
    warnings.simplefilter("error")
    spec = importlib.util.spec_from_file_location("tested", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tested"] = module
    spec.loader.exec_module(module)
    result = asyncio.run(run(getattr(module, name), json.loads(arguments)))
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
