"""What streams cost where nothing but LangChain stands between a model and who reads: CPU seconds and tokens, as JSON.

python -m benchmarks.sides.plain_stream BASE_URL MODEL STREAMS SPREAD_S
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from langchain_openai import ChatOpenAI


async def main() -> None:
    url, model, streams, spread_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    chat = ChatOpenAI(model=model, base_url=url, api_key="none", stream_usage=True)

    async def read(wait_s: float) -> int:
        await asyncio.sleep(wait_s)
        return sum([1 async for chunk in chat.astream("Tell the time.") if chunk.content])

    started = time.process_time()
    tokens = sum(await asyncio.gather(*(read(spread_s * number / streams) for number in range(streams))))
    sys.stdout.write(json.dumps({"cpu_s": time.process_time() - started, "tokens": tokens}) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
