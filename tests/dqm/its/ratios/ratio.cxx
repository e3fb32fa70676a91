// The ratio classes of QC, as far as their streams go; see write.py. The methods are shortened.
#include <TH2D.h>
#include <TH2F.h>
#include <TH1D.h>
#include <TFile.h>
#include <TDirectory.h>
#include <Rtypes.h>
#include <string>
namespace o2::mergers { class MergeInterface { public: virtual ~MergeInterface() = default; virtual void merge(MergeInterface* const other) = 0; ClassDef(MergeInterface, 0); }; }
namespace o2::quality_control_modules::common {
template <class T> class TH2Ratio : public T, public o2::mergers::MergeInterface {
 public:
  TH2Ratio() : T() {}
  TH2Ratio(const char* n, const char* t, int nx, double a, double b, int ny, double c, double d, bool u) : T(n,t,nx,a,b,ny,c,d), mUniformScaling(u) {
    TDirectory::TContext ctx(nullptr);
    mHistoNum = new T(TString(n)+"_num", TString(t)+" num", nx,a,b,ny,c,d);
    mHistoDen = u ? new T(TString(n)+"_den", TString(t)+" den", 1,-1,1,1,-1,1) : new T(TString(n)+"_den", TString(t)+" den", nx,a,b,ny,c,d);
    mHistoNum->Sumw2(); mHistoDen->Sumw2(); T::Sumw2();
  }
  void merge(MergeInterface* const) override {}
  T* getNum() const { return mHistoNum; }
  T* getDen() const { return mHistoDen; }
  void update() { T::Reset(); if (mUniformScaling) { T::Add(mHistoNum); T::Scale(1.0/mHistoDen->GetBinContent(1,1)); } else { T::Divide(mHistoNum, mHistoDen, 1.0, 1.0, ""); } }
 private:
  T* mHistoNum{ nullptr };
  T* mHistoDen{ nullptr };
  bool mUniformScaling{ true };
  bool mBinominalErrors{ false };
  Bool_t mSumw2Enabled{ kTRUE };
  std::string mTreatMeAs{ T::Class_Name() };
  ClassDefOverride(TH2Ratio, 3);
};
template <class T> class TH1Ratio : public T, public o2::mergers::MergeInterface {
 public:
  TH1Ratio() : T() {}
  TH1Ratio(const char* n, const char* t, int nx, double a, double b, bool u) : T(n,t,nx,a,b), mUniformScaling(u) {
    TDirectory::TContext ctx(nullptr);
    mHistoNum = new T(TString(n)+"_num", TString(t)+" num", nx,a,b);
    mHistoDen = u ? new T(TString(n)+"_den", TString(t)+" den", 1,-1,1) : new T(TString(n)+"_den", TString(t)+" den", nx,a,b);
    mHistoNum->Sumw2(); mHistoDen->Sumw2(); T::Sumw2();
  }
  void merge(MergeInterface* const) override {}
  T* getNum() const { return mHistoNum; }
  T* getDen() const { return mHistoDen; }
  void update() { T::Reset(); if (mUniformScaling) { T::Add(mHistoNum); T::Scale(1.0/mHistoDen->GetBinContent(1)); } else { T::Divide(mHistoNum, mHistoDen, 1.0, 1.0, ""); } }
 private:
  T* mHistoNum{ nullptr };
  T* mHistoDen{ nullptr };
  bool mUniformScaling{ true };
  bool mBinominalErrors{ false };
  Bool_t mSumw2Enabled{ kTRUE };
  std::string mTreatMeAs{ T::Class_Name() };
  ClassDefOverride(TH1Ratio, 3);
};
}
#ifdef __CLING__
#pragma link C++ class o2::mergers::MergeInterface+;
#pragma link C++ class o2::quality_control_modules::common::TH2Ratio<TH2D>+;
#pragma link C++ class o2::quality_control_modules::common::TH2Ratio<TH2F>+;
#pragma link C++ class o2::quality_control_modules::common::TH1Ratio<TH1D>+;
#endif
