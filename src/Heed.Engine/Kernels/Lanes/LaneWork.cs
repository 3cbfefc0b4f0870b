using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Parallel work whose parts are written once for every carrier of the sixteen lanes.</summary>
/// <remarks>
/// The just-in-time compiler inlines only so much into one compiled method; past that budget each operation of <see cref="ILanes{TSelf}"/>
/// that is not called by this method itself is a call, ten times as slow. So parts, the loops over rows that they call, and long functions
/// (<see cref="MathFunctions"/>) are marked NoInlining: each begins a method with a budget of its own.
/// </remarks>
internal interface ILaneWork
{
    /// <summary>Does one part with the carrier <typeparamref name="L"/>.</summary>
    void Part<L>(int part) where L : struct, ILanes<L>;

    /// <inheritdoc cref="IWork.Cost"/>
    WorkCost Cost => default;
}

/// <summary>Hands the parts of an <see cref="ILaneWork"/> to the worker pool with the carrier in use, and cuts work into parts by its shape
/// alone.</summary>
internal static class LaneParts
{
    /// <summary>Elements of one part: some ten microseconds of simple work, a multiple of the lanes.</summary>
    public const int Grain = 16384;

    public static void Run<TWork>(TWork work, int parts) where TWork : struct, ILaneWork
    {
        switch (Lanes.Width)
        {
            case LaneWidth.Lanes512: Run<TWork, Lanes512>(work, parts); break;
            case LaneWidth.Lanes256: Run<TWork, Lanes256>(work, parts); break;
            default: Run<TWork, Lanes128>(work, parts); break;
        }
    }

    /// <summary>Parts of <see cref="Grain"/> elements that cover <paramref name="elements"/>.</summary>
    public static int Count(long elements) => (int)((elements + Grain - 1) / Grain);

    /// <summary>Rows of one part, where a row has <paramref name="width"/> elements.</summary>
    public static int RowsPerPart(long width) => (int)Math.Max(1, Grain / Math.Max(1, width));

    /// <summary>Parts of <paramref name="each"/> items that cover <paramref name="items"/>.</summary>
    public static int Count(int items, int each) => (int)(((long)items + each - 1) / each);

    private static void Run<TWork, L>(TWork work, int parts) where TWork : struct, ILaneWork where L : struct, ILanes<L>
    {
        if (parts == 1 && WorkProfile.Active is null) work.Part<L>(0);
        else if (parts > 0) ComputeContext.Run(new Carried<TWork, L>(work), parts);
    }

    private readonly struct Carried<TWork, L>(TWork work) : IWork where TWork : struct, ILaneWork where L : struct, ILanes<L>
    {
        private readonly TWork _work = work;

        public void Part(int part) => _work.Part<L>(part);

        public WorkCost Cost => _work.Cost;
    }
}
