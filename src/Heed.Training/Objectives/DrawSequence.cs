using Heed.Engine.Kernels;

namespace Heed.Training.Objectives;

/// <summary>
/// Random numbers one after another, counted from 0: the same for the same seed and stream, whenever and wherever they are drawn.
/// </summary>
/// <param name="random">Seed and stream.</param>
internal sealed class DrawSequence(CounterRandom random)
{
    private ulong _next;

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform() => random.Uniform(_next++);

    /// <summary>Uniform in [0, <paramref name="bound"/>).</summary>
    public int Integer(int bound) => random.Integer(_next++, bound);

    /// <summary>A Poisson number (Knuth, The Art of Computer Programming, vol. 2, §3.4.1).</summary>
    /// <param name="mean">λ, above 0.</param>
    public int Poisson(double mean)
    {
        double bound = Math.Exp(-mean), product = Uniform();
        int count = 0;
        for (; product > bound; count++) product *= Uniform();
        return count;
    }

    /// <summary>A uniformly drawn subset of given size: true for its members (Knuth, vol. 2, §3.4.2, algorithm S).</summary>
    /// <param name="count">Elements.</param>
    /// <param name="chosen">Members, at most <paramref name="count"/>.</param>
    public bool[] Subset(int count, int chosen)
    {
        bool[] members = new bool[count];
        for (int i = 0; chosen > 0; i++)
        {
            if (Integer(count - i) >= chosen) continue;
            members[i] = true;
            chosen--;
        }

        return members;
    }

    /// <summary>A uniformly drawn order of 0 … count − 1 (Fisher and Yates).</summary>
    public int[] Permutation(int count)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) order[i] = i;
        for (int i = count - 1; i > 0; i--)
        {
            int other = Integer(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }
}
