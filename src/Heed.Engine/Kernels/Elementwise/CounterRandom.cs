namespace Heed.Engine.Kernels;

/// <summary>
/// A counter-based generator (Philox 4×32-10; Salmon et al., SC11): the number at an index depends on seed, stream and index alone, so
/// masks and initial weights are the same whatever the order, the batch or the thread count.
/// </summary>
/// <param name="seed">The run's seed.</param>
/// <param name="stream">Keeps uses apart: a hash of a parameter's name, a dropout site and step.</param>
public readonly struct CounterRandom(ulong seed, ulong stream)
{
    private readonly ulong _seed = seed;
    private readonly ulong _stream = stream;

    /// <summary>Four independent 32-bit numbers of one counter value.</summary>
    internal (uint A, uint B, uint C, uint D) Block(ulong counter)
    {
        uint c0 = (uint)counter, c1 = (uint)(counter >> 32), c2 = (uint)_stream, c3 = (uint)(_stream >> 32);
        uint k0 = (uint)_seed, k1 = (uint)(_seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)0xD2511F53 * c0;
            ulong p1 = (ulong)0xCD9E8D57 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The 32-bit number at an index.</summary>
    public uint Bits(ulong index)
    {
        (uint a, uint b, uint c, uint d) = Block(index >> 2);
        return (index & 3) switch { 0 => a, 1 => b, 2 => c, _ => d };
    }

    /// <summary>The number at an index, uniform in [0, 1) with 24 bits.</summary>
    public float Uniform(ulong index) => Unit(Bits(index));

    /// <summary>An integer at an index, uniform in [0, <paramref name="bound"/>) but for a bias below bound/2³².</summary>
    public int Integer(ulong index, int bound) => (int)(((ulong)Bits(index) * (uint)bound) >> 32);

    /// <summary>Fills with numbers uniform in [0, 1), those of the indices 0, 1, 2, …</summary>
    public void Uniform(Span<float> values)
    {
        for (int i = 0; i < values.Length; i += 4)
        {
            (uint a, uint b, uint c, uint d) = Block((ulong)(i >> 2));
            values[i] = Unit(a);
            if (i + 1 < values.Length) values[i + 1] = Unit(b);
            if (i + 2 < values.Length) values[i + 2] = Unit(c);
            if (i + 3 < values.Length) values[i + 3] = Unit(d);
        }
    }

    /// <summary>Fills with normal numbers (Box and Muller), those of the indices 0, 1, 2, …</summary>
    public void Normal(Span<float> values, float mean, float deviation)
    {
        for (int i = 0; i < values.Length; i += 4)
        {
            (uint a, uint b, uint c, uint d) = Block((ulong)(i >> 2));
            (float x, float y) = Pair(a, b);
            (float z, float w) = Pair(c, d);
            values[i] = mean + (deviation * x);
            if (i + 1 < values.Length) values[i + 1] = mean + (deviation * y);
            if (i + 2 < values.Length) values[i + 2] = mean + (deviation * z);
            if (i + 3 < values.Length) values[i + 3] = mean + (deviation * w);
        }
    }

    private static float Unit(uint bits) => (bits >> 8) * (1f / (1 << 24));

    private static (float X, float Y) Pair(uint a, uint b)
    {
        double radius = Math.Sqrt(-2 * Math.Log((a + 1.0) / 4294967296.0));
        double angle = 2 * Math.PI * (b / 4294967296.0);
        return ((float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)));
    }
}
